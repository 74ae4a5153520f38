"""Every error that xaisigns raises for its caller.

XaisignsError
├── DataError         a data set, an image or an archive is missing, broken or not what it should be
│   └── DownloadError     an archive could not be fetched whole
├── ModelError        a model file cannot be read or does not fit
├── DeviceError       a device that this machine does not have, or that cannot do what is asked of it
├── ShapeError        arrays or tensors that do not belong together
├── RuleError         a layer, rule or composite that LRP cannot use
├── MethodError       an attribution method or an option of it that does not exist or does not fit
├── MetricError       a setting or a model that a metric cannot use
├── AuditError        a model and data of which an audit can tell nothing, or a finding that does not belong to them
├── LanguageError     a language that xaisigns does not speak, or a text that it lacks
├── PluginError       a section of the report, built in or of a plugin, that lacks what it needs
└── OutputError       a result cannot be written where it was wanted
    └── TakenError        a file is there that xaisigns did not write

A message says what was wanted, what came, and what to do. The command line prints it as one line and exits with 1.
An installed plugin that cannot be loaded is no error but a PluginWarning: all the rest works without it.
"""


class XaisignsError(Exception):
    """Base of all errors of this package."""


class DataError(XaisignsError):
    """A data set, an image or an archive is missing, broken or not what it should be."""


class DownloadError(DataError):
    """An archive could not be fetched whole."""


class ModelError(XaisignsError):
    """A model file cannot be read or does not fit."""


class DeviceError(XaisignsError):
    """A device that this machine does not have, or that cannot do what is asked of it."""


class ShapeError(XaisignsError):
    """Arrays or tensors that do not belong together."""


class RuleError(XaisignsError):
    """A layer, rule or composite that LRP cannot use."""


class MethodError(XaisignsError):
    """An attribution method or an option of it that does not exist or does not fit."""


class MetricError(XaisignsError):
    """A setting or a model that a metric cannot use."""


class AuditError(XaisignsError):
    """A model and data of which an audit can tell nothing, or a finding that does not belong to them."""


class LanguageError(XaisignsError):
    """A language that xaisigns does not speak, or a text that it lacks."""


class PluginError(XaisignsError):
    """A section of the report, built in or of a plugin, that lacks what it needs."""


class OutputError(XaisignsError):
    """A result cannot be written where it was wanted."""


class TakenError(OutputError):
    """A file is there that xaisigns did not write."""


class PluginWarning(UserWarning):
    """An installed plugin that cannot be loaded; nothing of it is registered."""
