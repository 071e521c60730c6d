"""Temporary: replaced by the real embedded server."""


class LocalLanguageModel:
    def __init__(self, settings):
        raise NotImplementedError
