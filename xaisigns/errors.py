"""Every error that xaisigns raises for its caller.

XaisignsError
├── DataError         a data set, an image or an archive is missing, broken or not what it should be
│   └── DownloadError     an archive could not be fetched whole
├── ModelError        a model file cannot be read or does not fit
├── ShapeError        arrays or tensors that do not belong together
├── RuleError         a layer, rule or composite that LRP cannot use
├── MethodError       an attribution method or an option of it that does not exist or does not fit
├── MetricError       a setting or a model that a metric cannot use
├── LanguageError     a language that xaisigns does not speak, or a text that it lacks
├── PluginError       an installed plugin that cannot be loaded
└── OutputError       a result cannot be written where it was wanted
    └── TakenError        a file is there that xaisigns did not write

A message says what was wanted, what came, and what to do. The command line prints it as one line and exits with 1.
"""


class XaisignsError(Exception):
    """Base of all errors of this package."""


class DataError(XaisignsError):
    """A data set, an image or an archive is missing, broken or not what it should be."""


class DownloadError(DataError):
    """An archive could not be fetched whole."""


class ModelError(XaisignsError):
    """A model file cannot be read or does not fit."""


class ShapeError(XaisignsError):
    """Arrays or tensors that do not belong together."""


class RuleError(XaisignsError):
    """A layer, rule or composite that LRP cannot use."""


class MethodError(XaisignsError):
    """An attribution method or an option of it that does not exist or does not fit."""


class MetricError(XaisignsError):
    """A setting or a model that a metric cannot use."""


class LanguageError(XaisignsError):
    """A language that xaisigns does not speak, or a text that it lacks."""


class PluginError(XaisignsError):
    """An installed plugin that cannot be loaded."""


class OutputError(XaisignsError):
    """A result cannot be written where it was wanted."""


class TakenError(OutputError):
    """A file is there that xaisigns did not write."""
