"""Color without a network: gray itself, and a table from gray to color."""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import BASELINE, Experiment, Run


@register
def yardsticks() -> Experiment:
    """How good is color without a network?"""
    return Experiment(
        title="Without a network",
        question="How good is gray itself, and how good can a table from gray level to color be?",
        runs=(
            Run("gray", "gray copied", BASELINE.varied(model="lookup_table", max_epochs=0)),
            Run(
                "table-mean",
                "lookup table, mean color",
                BASELINE.varied(model="lookup_table", optimizer="closed_form", hyperparameters={"statistic": "mean"}),
            ),
            Run(
                "table-mode",
                "lookup table, most values within 12",
                BASELINE.varied(model="lookup_table", optimizer="closed_form", hyperparameters={"statistic": "mode"}),
            ),
        ),
    )
