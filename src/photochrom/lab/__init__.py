"""The lab, where networks are studied, trained and compared. The product, which colors photos, never imports it."""

__all__: list[str] = []
