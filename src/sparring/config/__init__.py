"""`sparring.toml`: what an audit needs, in a file beside the model; its tables, reading it, changing it."""

from sparring.config.edit import with_settings
from sparring.config.load import load_config
from sparring.config.tables import (
    AuditTable,
    Config,
    DataTable,
    FeatureTable,
    GateTable,
    ModelTable,
    TrainTable,
)

__all__ = [
    "AuditTable",
    "Config",
    "DataTable",
    "FeatureTable",
    "GateTable",
    "ModelTable",
    "TrainTable",
    "load_config",
    "with_settings",
]
