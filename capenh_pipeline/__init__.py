"""A Dagster asset pipeline that gives folders of images captions that can be trusted."""
