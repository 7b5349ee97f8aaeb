"""How does the step size decide where training ends?"""

from photochrom.lab.experiments._catalogue import register
from photochrom.lab.experiments._experiment import BASELINE, Experiment, Published, Run


@register
def learning_rate() -> Experiment:
    """How does the step size decide where training ends?"""
    return Experiment(
        title="Learning rate",
        question="How does the size of a step decide where training ends?",
        section="1.4",
        compared_with="baseline/default",
        claim="A large rate helps more than anything else; small rates end early and low.",
        runs=(
            Run(
                "rate-0.07",
                "learning_rate (large) 0.07",
                BASELINE.varied(learning_rate=0.07),
                Published(accuracy=0.75520, mse=0.00837, epochs=100),
                expected="better",
            ),
            Run(
                "rate-0.0007",
                "learning_rate (small) 0.0007",
                BASELINE.varied(learning_rate=0.0007),
                Published(accuracy=0.63207, mse=0.01535, epochs=80),
                expected="worse",
            ),
            Run(
                "rate-0.0001",
                "learning_rate (very small) 0.0001",
                BASELINE.varied(learning_rate=0.0001),
                Published(accuracy=0.51590, mse=0.02219),
                expected="worse",
            ),
        ),
    )
