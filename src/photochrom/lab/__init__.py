"""The bench on which networks are studied, trained and compared; what colors photos never imports it."""

__all__: list[str] = []
