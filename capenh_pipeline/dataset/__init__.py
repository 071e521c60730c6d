"""What we read: folders, images and the captions that people wrote."""
