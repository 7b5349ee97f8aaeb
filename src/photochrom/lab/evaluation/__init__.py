"""Evaluation of color: of a network on its pictures, and of the product on whole photos."""

from photochrom.lab.evaluation._networks import (
    ModelEvaluation,
    RecordedEvaluation,
    evaluate_model,
    read_evaluations,
    record_evaluation,
    require_evaluations,
)
from photochrom.lab.evaluation._photo_files import PhotoFile, PhotoSet, open_photos
from photochrom.lab.evaluation._photos import (
    PhotoEvaluation,
    PhotoEvaluator,
    Product,
    read_photo_evaluations,
    record_photo_evaluation,
)
from photochrom.lab.evaluation._scores import FEWEST_PICTURES, Grouping, Scores
from photochrom.lab.evaluation._sheet import contact_sheet, require_sheet_name, write_sheet
from photochrom.lab.evaluation._tables import Table, model_tables, photo_tables

__all__ = [
    "FEWEST_PICTURES",
    "Grouping",
    "ModelEvaluation",
    "PhotoEvaluation",
    "PhotoEvaluator",
    "PhotoFile",
    "PhotoSet",
    "Product",
    "RecordedEvaluation",
    "Scores",
    "Table",
    "contact_sheet",
    "evaluate_model",
    "model_tables",
    "open_photos",
    "photo_tables",
    "read_evaluations",
    "read_photo_evaluations",
    "record_evaluation",
    "record_photo_evaluation",
    "require_evaluations",
    "require_sheet_name",
    "write_sheet",
]
