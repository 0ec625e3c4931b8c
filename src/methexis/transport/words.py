"""What a translation says of itself, in plain words."""

from __future__ import annotations

from methexis.transport.certificate import Certificate
from methexis.transport.worth import Worth

#: What a map is, in a sentence.
MAP_WORDS = {
    "rotation": "a rotation",
    "scaled": "a rotation of whitened coordinates",
    "linear": "a linear map",
}


def sentence(certificate: Certificate, map_name: str, count: int) -> str:
    """The certificate in one sentence, which also says what not to do.

    Parameters
    ----------
    certificate : Certificate
    map_name : str
        Kind of the map that predictions are made by.
    count : int
        Number of pairs in all.
    """
    a, b = certificate.names
    worth, told = certificate.worth, MAP_WORDS[map_name]
    predicted = f"{told} predicts {_shares(worth, a, b)}"
    partners = f"partners are found for {_tops(worth, a, b)} among {worth.candidates:,}"
    if certificate.predicts and certificate.matches:
        return f"From {count:,} pairs, of samples not seen, {predicted}; {partners}"
    if certificate.matches:
        return (
            f"From {count:,} pairs {a} and {b} can be matched: of samples not seen, {partners}; do "
            f"not predict one from the other, because {told} predicts no more of the variance than "
            f"the mean does, or one from shuffled pairs ({share(worth.mean_share)})"
        )
    if certificate.predicts:
        return (
            f"From {count:,} pairs, of samples not seen, {predicted}; do not look for partners by "
            f"it, because no more are found than with shuffled pairs ({share(worth.mean_top1)} "
            f"among {worth.candidates:,})"
        )
    return (
        f"Do not translate between {a} and {b} by these {count:,} pairs: of samples not seen they "
        f"teach no more than shuffled pairs do ({share(worth.mean_share)} of the variance is "
        f"predicted, and {share(worth.mean_top1)} of partners are found among "
        f"{worth.candidates:,}, where guessing finds {share(worth.chance)})"
    )


def limits(
    certificate: Certificate,
    count: int,
    ranks: tuple[int, int],
    widths: tuple[int, int],
    repeated: int,
) -> list[str]:
    """What a reader has to know before the certificate is relied on.

    Parameters
    ----------
    certificate : Certificate
    count : int
        Number of pairs in all.
    ranks, widths : (int, int)
        Directions in which the pairs have any variance, and features, of both sides.
    repeated : int
        Pairs beyond the first of each group of equal ones.
    """
    worth = certificate.worth
    said = [
        f"The certificate is of maps from {worth.pairs:,} pairs, without a fold of the {count:,} "
        "that the translation itself has; it holds for samples that come from where these came"
    ]
    for name, rank, width in zip(certificate.names, ranks, widths, strict=True):
        if count <= width:
            said.append(
                f"{count:,} pairs span {rank:,} of {width:,} dimensions of {name}; what lies "
                "outside is predicted as the mean, and left out where partners are sought"
            )
    if repeated:
        said.append(
            f"{repeated:,} of {count:,} pairs repeat another in one of both; such pairs were left "
            "out together"
        )
    identity = certificate.identity
    if identity is not None and (certificate.predicts or certificate.matches):
        said += _without(certificate, identity)
    return said


def limits_unpaired(
    certified: bool, assuming: bool, shared: bool, pair: tuple[int, int] | None
) -> list[str]:
    """What a reader has to know before a translation without pairs is relied on.

    Parameters
    ----------
    certified : bool
        Whether the certificate says that it was found.
    assuming : bool
        Whether the estimate assumes that neither side has anything of its own.
    shared : bool
        Whether both sides were said to hold the same samples.
    pair : (int, int) or None
        The rows that were given as a pair.
    """
    said = [
        "It holds for samples that come from where these came; among more rows fewer partners are "
        "found",
        "Predictions have the size of the other side: how much to shrink them cannot be known "
        "without pairs, so they may err by more than the mean does, even where partners are found",
    ]
    if assuming:
        said.insert(
            0,
            "The estimate takes for granted that neither side has anything of its own, such as "
            "noise, because nothing without pairs can tell; 20 known pairs, translated without "
            "--unpaired, can",
        )
    if shared:
        said.insert(0, "Both sides were said to hold the same samples, in orders that nobody knows")
    if pair is not None:
        said.insert(0, f"Row {pair[0]:,} of A and row {pair[1]:,} of B were taken for a pair")
    if not certified:
        same = "" if shared else ", or --shared if both sides hold the same samples"
        said.insert(0, f"More rows help most{same}; 20 known pairs or more need no --unpaired")
    return said


def _without(certificate: Certificate, identity: Worth) -> list[str]:
    """What equal coordinates do as well, so that nothing has to be translated for it."""
    worth, said = certificate.worth, []
    if identity.mean_share >= 0.5 * (worth.share_ci[0][0] + worth.share_ci[1][0]):
        said.append(f"predict {share(identity.mean_share)} of the variance")
    if identity.mean_top1 >= 0.5 * (worth.top1_ci[0][0] + worth.top1_ci[1][0]):
        said.append(f"find {share(identity.mean_top1)} of partners")
    if not said or not certificate.matches:
        return []
    return [
        f"The same coordinates, with nothing learnt but a scale, {' and '.join(said)}: as much as "
        "the translation"
    ]


def _shares(worth: Worth, a: str, b: str) -> str:
    """Shares of the variance of both sides that are predicted, with their intervals."""
    return (
        f"{_with_interval(worth.share[0], worth.share_ci[0])} of the variance of {b} and "
        f"{_with_interval(worth.share[1], worth.share_ci[1])} of that of {a}"
    )


def _tops(worth: Worth, a: str, b: str) -> str:
    """Shares of both sides whose partners are found, with their intervals."""
    return (
        f"{_with_interval(worth.top1[0], worth.top1_ci[0])} of {a} and "
        f"{_with_interval(worth.top1[1], worth.top1_ci[1])} of {b}"
    )


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{share(value)} ({share(low).removesuffix(' %')} to {share(high)})"


def share(value: float) -> str:
    """A share with a decimal, because shares of partners are often near all of them.

    Examples
    --------
    >>> share(0.9984), share(-0.031), share(-7.0)
    ('99.8 %', '−3.1 %', 'below −100 %')
    """
    if value < -1.0:
        return "below −100 %"
    return f"{100.0 * value:z.1f} %".replace("-", "−")
