from photochrom.lab.training._stopping import has_settled, is_out_of_patience

FLAT = [0.1] * 10


def test_settled_needs_more_losses_than_its_patience() -> None:
    assert not has_settled(FLAT)
    assert has_settled([0.1, *FLAT])


def test_settled_looks_at_the_last_ten_losses_alone() -> None:
    assert has_settled([0.9, 0.5, *FLAT])


def test_one_move_among_the_last_ten_keeps_training_going() -> None:
    for place in range(1, 10):
        losses = [0.1, *FLAT]
        losses[-place] = 0.2
        assert not has_settled(losses), place


def test_a_move_of_exactly_the_delta_is_a_move() -> None:
    falling = [1.0 - 0.25 * step for step in range(4)]
    assert not has_settled(falling, patience=3, min_delta=0.25)
    assert has_settled(falling, patience=3, min_delta=0.2500001)


def test_rises_count_like_falls() -> None:
    assert not has_settled([0.1, 0.1, 0.2, 0.1], patience=3, min_delta=0.05)


def test_slow_steady_fall_counts_as_settled() -> None:
    """The study's rule compares neighbours, so a loss that creeps down forever stops it: hence its low small rates."""
    assert has_settled([1.0 - 4e-5 * epoch for epoch in range(11)])


def test_patience_counts_epochs_since_the_best() -> None:
    assert not is_out_of_patience([0.3, 0.1, 0.2, 0.2], patience=3)
    assert is_out_of_patience([0.3, 0.1, 0.2, 0.2, 0.2], patience=3)


def test_patience_starts_anew_with_every_best() -> None:
    assert not is_out_of_patience([0.3, 0.2, 0.2, 0.1, 0.2], patience=2)


def test_a_best_must_be_lower_by_the_delta() -> None:
    assert is_out_of_patience([0.30, 0.29, 0.28], patience=2, min_delta=0.05)
    assert not is_out_of_patience([0.30, 0.29, 0.28], patience=2, min_delta=0.005)


def test_patience_lets_a_creeping_loss_go_on() -> None:
    assert not is_out_of_patience([1.0 - 4e-5 * epoch for epoch in range(50)])


def test_no_loss_stops_nothing() -> None:
    assert not has_settled([])
    assert not is_out_of_patience([])
