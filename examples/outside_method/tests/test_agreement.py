"""The method satisfies the laws that Semivox's own methods are held to."""

from semivox_agreement import Agreement

from semivox.testing import check_method


def test_the_method_satisfies_every_law() -> None:
    """In some seconds."""
    check_method(Agreement)
