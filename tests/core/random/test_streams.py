"""Random streams: the cipher against known answers, the numbers against their exact laws.

The words are compared with an implementation in plain Python integers that shares no line with the
vectorised one. Statistical checks use fixed seeds and bounds of five standard errors; the standard
error stands beside each. The exact moments claimed in the docstrings are checked by summing over
*all* words of a smaller word size, where that is possible.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from methexis.core.checks import MethexisError
from methexis.core.random import streams
from methexis.core.random.philox import philox4x32
from methexis.core.random.streams import Stream, StreamId, keys

SEED = 20250701
WORD = st.integers(0, 2**32 - 1)


# --- an independent implementation ---------------------------------------------------------------


def philox_by_integers(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    c0, c1, c2, c3 = counter
    for i in range(10):
        round_key = [
            (k + i * w) % 2**32 for k, w in zip(key, (0x9E3779B9, 0xBB67AE85), strict=True)
        ]
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ round_key[0], low1, high0 ^ c3 ^ round_key[1], low0
    return c0, c1, c2, c3


def word_by_integers(seed: int, replica: int, stream: int, step: int, j: int) -> int:
    name = tuple(int.from_bytes(part, "big") for part in (b"Meth", b"exis"))
    key = philox_by_integers((seed % 2**32, seed >> 32, replica, stream), name)[:2]
    return philox_by_integers((step % 2**32, step >> 32, j // 4, 0), key)[j % 4]


def normal_by_integers(seed: int, replica: int, stream: int, step: int, j: int) -> float:
    first, second = (
        (word_by_integers(seed, replica, stream, step, i) + 0.5) / 2**32
        for i in (j - j % 2, j - j % 2 + 1)
    )
    function = math.sin if j % 2 else math.cos
    return math.sqrt(-2 * math.log(first)) * function(2 * math.pi * second)


# --- the cipher ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [  # the known answers published with Random123
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    got = philox4x32(np.array([counter], dtype=np.uint32), np.array([key], dtype=np.uint32))
    assert tuple(got[0].tolist()) == answer
    assert philox_by_integers(counter, key) == answer


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[WORD] * 4), min_size=1, max_size=5), st.tuples(WORD, WORD), st.booleans()
)
def test_cipher_agrees_with_integers(
    counters: list[tuple[int, ...]], key: tuple[int, int], one_key: bool
) -> None:
    cipher_keys = np.array([key] * (1 if one_key else len(counters)), dtype=np.uint32)
    got = philox4x32(np.array(counters, dtype=np.uint32), cipher_keys)
    assert [tuple(row) for row in got.tolist()] == [philox_by_integers(c, key) for c in counters]


@given(
    seed=st.integers(0, 2**64 - 1),
    replica=WORD,
    stream=WORD,
    first_step=st.integers(0, 2**64 - 3),
    num_draws=st.integers(1, 9),
)
@settings(max_examples=50, deadline=None)
def test_words_and_normals_agree_with_integers(
    seed: int, replica: int, stream: int, first_step: int, num_draws: int
) -> None:
    key = Stream(seed, replica, stream).key
    cells = list(itertools.product(range(2), range(num_draws)))
    drawn = streams.words(key, first_step, 2, num_draws)
    assert [drawn[t, 0, j] for t, j in cells] == [
        word_by_integers(seed, replica, stream, first_step + t, j) for t, j in cells
    ]
    drawn_normals = streams.normals(key, first_step, 2, num_draws)
    expected = [normal_by_integers(seed, replica, stream, first_step + t, j) for t, j in cells]
    # 1e-14: the bound of the docstring for libraries that err by at most one ulp.
    np.testing.assert_allclose([drawn_normals[t, 0, j] for t, j in cells], expected, 0, 1e-14)


def test_uniforms_and_indices_are_exact_functions_of_the_words() -> None:
    key = keys(SEED, range(3), StreamId.INDICES)
    drawn = streams.words(key, 5, 7, 11)
    assert streams.uniforms(key, 5, 7, 11).tolist() == [
        [[(w + 0.5) / 2**32 for w in row] for row in rows] for rows in drawn.tolist()
    ]
    for num_samples in (1, 2, 3, 1000, 2**31 + 1, 2**32):
        expected = [
            [[w * num_samples >> 32 for w in row] for row in rows] for rows in drawn.tolist()
        ]
        assert streams.indices(key, 5, 7, 11, num_samples).tolist() == expected


def test_permutations_sort_the_words() -> None:
    key = keys(SEED, range(2), StreamId.PERMUTATIONS)
    num_samples = 57
    drawn = streams.words(key, 3, 4, 2 * num_samples).tolist()
    got = streams.permutations(key, 3, 4, num_samples)
    for t, k in itertools.product(range(4), range(2)):
        row = drawn[t][k]
        sort_keys = [(row[2 * i] << 32) + row[2 * i + 1] for i in range(num_samples)]
        assert got[t, k].tolist() == sorted(range(num_samples), key=sort_keys.__getitem__)


def test_equal_sort_keys_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        streams, "words", lambda *shape: np.zeros((shape[2], 1, shape[3]), dtype=np.uint32)
    )
    key = keys(SEED, [0], StreamId.PERMUTATIONS)
    assert streams.permutations(key, 0, 1, 100).tolist() == [[list(range(100))]]


# --- literal values: a change of these is a change of every published seed ------------------------

LITERAL_KEYS = [[414615823, 463011040], [3790393297, 1670999096]]
LITERAL_WORDS = [
    [
        [3970254753, 3395068361, 783876824, 1062770340, 3268711578],
        [3079269428, 92580984, 783363312, 3769355095, 3548908172],
    ]
]
LITERAL_NORMALS = [
    [
        [
            0.09975836929067435,
            -0.3837650650134819,
            0.029602415112986242,
            1.8441850081072515,
            0.16151238814413707,
        ],
        [
            0.8083130006254304,
            0.11015096160538865,
            1.3257621330846243,
            -1.282793837044024,
            0.06440975588696071,
        ],
    ]
]
LITERAL_INDICES = [[[367, 985, 522, 332, 258], [486, 182, 534, 950, 658]]]
LITERAL_PERMUTATIONS = [[[6, 7, 2, 0, 5, 1, 4, 3], [5, 0, 6, 1, 2, 7, 4, 3]]]


def test_literal_values() -> None:
    key = keys(SEED, [0, 1], StreamId.SAMPLES)
    assert key.tolist() == LITERAL_KEYS
    assert streams.words(key, 2**33 + 1, 1, 5).tolist() == LITERAL_WORDS
    normals = streams.normals(key, 2**33 + 1, 1, 5)
    np.testing.assert_allclose(normals, LITERAL_NORMALS, 0, 1e-14)  # 1e-14: as above
    assert streams.indices(key, 0, 1, 5, 1000).tolist() == LITERAL_INDICES
    assert streams.permutations(key, 0, 1, 8).tolist() == LITERAL_PERMUTATIONS


# --- numbers depend on their address only ---------------------------------------------------------

DRAWS: dict[str, Callable[[NDArray[np.uint32], int, int, int], NDArray[np.generic]]] = {
    "words": streams.words,
    "uniforms": streams.uniforms,
    "normals": streams.normals,
    "indices": lambda key, first, num, draws: streams.indices(key, first, num, draws, 77),
}
BITS = {"words": np.uint32, "uniforms": np.uint64, "normals": np.uint64, "indices": np.int64}


@pytest.mark.parametrize("name", DRAWS)
@given(
    num_keys=st.integers(1, 5),
    num_draws=st.integers(1, 40),
    cuts=st.lists(st.integers(1, 300), min_size=1, max_size=4),
    first_step=st.sampled_from([0, 1, 2**32 - 100, 2**63]),
    few=st.integers(1, 40),
)
@settings(max_examples=25, deadline=None)
def test_any_cut_gives_the_same_bits(
    name: str, num_keys: int, num_draws: int, cuts: list[int], first_step: int, few: int
) -> None:
    draw, bits = DRAWS[name], BITS[name]
    key = keys(SEED, range(num_keys), StreamId.SAMPLES)
    whole = draw(key, first_step, sum(cuts), num_draws)
    assert whole.shape == (sum(cuts), num_keys, num_draws)
    assert whole.flags.c_contiguous
    starts = itertools.accumulate(cuts, initial=first_step)
    parts = [draw(key, start, cut, num_draws) for start, cut in zip(starts, cuts, strict=False)]
    assert (np.concatenate(parts).view(bits) == whole.view(bits)).all()
    alone = draw(keys(SEED, [num_keys - 1], StreamId.SAMPLES), first_step, sum(cuts), num_draws)
    assert (alone.view(bits) == whole[:, -1:].copy().view(bits)).all()
    shared = min(few, num_draws)
    prefix = draw(key, first_step, sum(cuts), few)[..., :shared].copy()
    assert (prefix.view(bits) == whole[..., :shared].copy().view(bits)).all()


@pytest.mark.parametrize(
    ("num_keys", "num_steps", "num_draws"),
    # One step wider than a chunk, exactly a chunk, one counter more, and many keys of one block.
    [(3, 2, 20001), (1, 1, 4 * 8192), (1, 3, 4 * 8192 + 1), (20000, 2, 1), (1, 20000, 1)],
)
def test_tables_larger_than_a_chunk(num_keys: int, num_steps: int, num_draws: int) -> None:
    key = keys(SEED, range(num_keys), StreamId.SAMPLES)
    drawn = streams.words(key, 9, num_steps, num_draws)
    normals = streams.normals(key, 9, num_steps, num_draws)
    generator = np.random.default_rng(SEED)
    corners = [(0, 0, 0), (num_steps - 1, num_keys - 1, num_draws - 1)]
    inside = [tuple(generator.integers(drawn.shape).tolist()) for _ in range(50)]
    for t, k, j in corners + inside:
        address = (SEED, k, StreamId.SAMPLES, 9 + t, j)
        assert drawn[t, k, j] == word_by_integers(*address)
        assert normals[t, k, j] == pytest.approx(normal_by_integers(*address), rel=0, abs=1e-14)


@pytest.mark.parametrize("shape", [(0, 2, 3), (2, 0, 3), (2, 2, 0)])
def test_empty_tables(shape: tuple[int, int, int]) -> None:
    num_steps, num_keys, num_draws = shape
    key = keys(SEED, range(num_keys), StreamId.SAMPLES)
    for draw in DRAWS.values():
        assert draw(key, 0, num_steps, num_draws).shape == shape


def test_the_last_step_exists_and_the_next_does_not() -> None:
    key = Stream(SEED).key
    last = streams.words(key, 2**64 - 1, 1, 1)
    assert last[0, 0, 0] == word_by_integers(SEED, 0, 0, 2**64 - 1, 0)
    with pytest.raises(MethexisError, match="num_steps: expected"):
        streams.words(key, 2**64 - 1, 2, 1)


def test_normal_matrix_is_one_step_in_row_major_order() -> None:
    key = Stream(SEED, replica=4, stream=StreamId.INIT).key
    matrix = streams.normal_matrix(SEED, StreamId.INIT, (3, 5), replica=4, step=2)
    assert matrix.tolist() == streams.normals(key, 2, 1, 15).reshape(3, 5).tolist()


# --- distributions -------------------------------------------------------------------------------


def sample_normals(num_steps: int = 4096) -> NDArray[np.float64]:
    key = keys(SEED, range(8), StreamId.SAMPLES)
    return streams.normals(key, 0, num_steps, 32)


def test_moments_of_normals() -> None:
    z = sample_normals().ravel()
    for power in range(1, 9):
        # E z^p = (p - 1)!! for even p, and Var z^p = (2p - 1)!! - (E z^p)².
        mean = math.prod(range(1, power, 2)) if power % 2 == 0 else 0
        deviation = math.sqrt((math.prod(range(1, 2 * power, 2)) - mean**2) / z.size)
        assert abs(np.mean(z**power) - mean) < 5 * deviation, power


def test_normals_have_the_normal_distribution_function() -> None:
    z = np.sort(sample_normals().ravel())
    cdf = 0.5 * np.array([math.erfc(-v / math.sqrt(2)) for v in z[::64]])
    # Kolmogorov–Smirnov: √n D exceeds 2.3 with probability 2 exp(-2 · 2.3²) = 5·10⁻⁵.
    distance = np.abs(cdf - (np.arange(0, z.size, 64) + 0.5) / z.size).max()
    assert distance * math.sqrt(z.size) < 2.3


def test_moments_of_uniforms() -> None:
    u = streams.uniforms(keys(SEED, range(8), StreamId.SAMPLES), 0, 4096, 32).ravel()
    for power in range(1, 7):
        deviation = math.sqrt((1 / (2 * power + 1) - 1 / (power + 1) ** 2) / u.size)
        assert abs(np.mean(u**power) - 1 / (power + 1)) < 5 * deviation, power


@pytest.mark.parametrize("axis", ["draw", "step", "replica", "stream", "seed", "pair"])
def test_neighbours_are_independent(axis: str) -> None:
    z = sample_normals()
    a, b = {
        "draw": (z[..., :-1], z[..., 1:]),
        "step": (z[:-1], z[1:]),
        "replica": (z[:, :-1], z[:, 1:]),
        "pair": (z[..., 0::2], z[..., 1::2]),
        "stream": (z, streams.normals(keys(SEED, range(8), StreamId.INDICES), 0, 4096, 32)),
        "seed": (z, streams.normals(keys(SEED + 1, range(8), StreamId.SAMPLES), 0, 4096, 32)),
    }[axis]
    # For independent normals E[ab] = 0 with Var = 1, and E[(a² - 1)(b² - 1)] = 0 with Var = 4.
    # Products of neighbours are uncorrelated with each other, so the errors are exact.
    assert abs(np.mean(a * b)) < 5 / math.sqrt(a.size)
    assert abs(np.mean((a**2 - 1) * (b**2 - 1))) < 5 * 2 / math.sqrt(a.size)


def test_all_replicas_are_uncorrelated() -> None:
    z = streams.normals(keys(SEED, range(64), StreamId.SAMPLES), 0, 512, 16)
    flat = z.transpose(1, 0, 2).reshape(64, -1)
    correlation = (flat @ flat.T / flat.shape[1])[np.triu_indices(64, 1)] * math.sqrt(flat.shape[1])
    # 2016 pairs: the largest of as many normals exceeds 5 with probability 1.2·10⁻³; the seed is
    # fixed. Their mean square is 1 with deviation √(2/2016) = 0.0315.
    assert np.abs(correlation).max() < 5
    assert abs(np.mean(correlation**2) - 1) < 5 * math.sqrt(2 / correlation.size)


def test_indices_are_uniform() -> None:
    num_samples = 97
    drawn = streams.indices(keys(SEED, range(4), StreamId.INDICES), 0, 4096, 16, num_samples)
    counts = np.bincount(drawn.ravel(), minlength=num_samples)
    expected = drawn.size / num_samples
    chi_squared = float(np.sum((counts - expected) ** 2) / expected)
    # χ² with 96 degrees of freedom: mean 96, variance 192.
    assert abs(chi_squared - 96) < 5 * math.sqrt(192)


def test_all_permutations_are_equally_likely() -> None:
    drawn = streams.permutations(keys(SEED, range(4), StreamId.PERMUTATIONS), 0, 6000, 4)
    counts = np.unique(drawn.reshape(-1, 4) @ [64, 16, 4, 1], return_counts=True)[1]
    assert counts.size == math.factorial(4)
    # χ² with 23 degrees of freedom: mean 23, variance 46.
    assert abs(float(np.sum((counts - 1000) ** 2) / 1000) - 23) < 5 * math.sqrt(46)


# --- the exact laws of the docstrings, by summing over all words of a smaller size ----------------


@pytest.mark.parametrize("num_bits", [8, 16, 20])
def test_moments_of_box_muller_over_all_words(num_bits: int) -> None:
    size = 2**num_bits
    u = (np.arange(size) + 0.5) / size
    squares = -2 * np.log(u)
    ln2, log_size = math.log(2), math.log(size)
    variance = math.fsum(squares) / size * (math.fsum(np.cos(math.tau * u) ** 2) / size)
    fourth = math.fsum(squares**2) / size * (math.fsum(np.cos(math.tau * u) ** 4) / size)
    # Next terms: (ln N)/N² with coefficients below 1; and rounding of the terms, some 1e-15.
    tolerance = 10 * log_size / size**2 + 1e-14
    assert abs(variance - (1 - ln2 / (2 * size))) < tolerance
    predicted = 3 - 1.5 * (ln2 * log_size + ln2 * math.log(math.tau) + ln2**2 / 2) / size
    assert abs(fourth - predicted) < tolerance
    third = math.fsum(squares**1.5) / size * (math.fsum(np.cos(math.tau * u) ** 3) / size)
    assert abs(third) < tolerance


def test_numbers_of_the_docstring() -> None:
    ln2, size = math.log(2), 2**32
    assert math.sqrt(66 * ln2) == pytest.approx(6.7637, abs=5e-5)
    assert math.erfc(math.sqrt(66 * ln2) / math.sqrt(2)) == pytest.approx(1.3e-11, rel=0.05)
    assert ln2 / (2 * size) == pytest.approx(8.1e-11, rel=0.01)
    correction = 1.5 * (ln2 * math.log(size) + ln2 * math.log(math.tau) + ln2**2 / 2) / size
    assert correction == pytest.approx(5.9e-9, rel=0.01)
    num_keys = 1e6
    assert num_keys**2 / 2**65 == pytest.approx(3e-8, rel=0.1)


@pytest.mark.parametrize("word", [0, 2**32 - 1])
def test_extreme_words(word: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_equal(*state: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], ...]:
        return tuple(np.full_like(state[0], word) for _ in range(4))

    key = Stream(SEED).key
    monkeypatch.setattr(streams, "rounds", all_equal)
    u = streams.uniforms(key, 0, 1, 1)[0, 0, 0]
    assert u == (2.0**-33 if word == 0 else 1 - 2.0**-33)
    z = streams.normals(key, 0, 1, 4)
    # The radius is √(66 ln 2) or, as -ln(1 - δ) = δ, 2**-16; the angle is half a step from zero.
    assert np.hypot(z[0, 0, 0], z[0, 0, 1]) == pytest.approx(
        math.sqrt(66 * math.log(2)) if word == 0 else 2.0**-16, rel=1e-9
    )
    assert streams.indices(key, 0, 1, 1, 1000)[0, 0, 0] == (0 if word == 0 else 999)


# --- what is refused -----------------------------------------------------------------------------


def test_streams_of_students_do_not_meet() -> None:
    numbers = [streams.student_stream(base, k) for base in StreamId for k in range(100)]
    assert len(set(numbers)) == len(numbers)
    assert streams.student_stream(255, 2**24 - 1) == 2**32 - 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Stream(-1), r"seed: expected .*, got -1"),
        (lambda: Stream(2**64), "seed: expected"),
        (lambda: Stream(0, replica=2**32), "replica: expected"),
        (lambda: Stream(0, stream=2**32), "stream: expected"),
        (lambda: Stream(1.5), "seed: expected an integer.* got 1.5"),  # type: ignore[arg-type]
        (lambda: keys(0, [0, -3], 0), "replica: expected .*, got -3"),
        (lambda: streams.student_stream(256, 0), "base: expected"),
        (lambda: streams.student_stream(0, 2**24), "student: expected"),
        (lambda: streams.words(np.zeros((1, 2), np.uint64), 0, 1, 1), "keys: .* got dtype uint64"),
        (lambda: streams.words(np.zeros((1, 3), np.uint32), 0, 1, 1), r"keys: .* shape \(1, 3\)"),
        (lambda: streams.words(Stream(0).key, -1, 1, 1), "first_step: expected"),
        (lambda: streams.normals(Stream(0).key, 0, 1, -1), "number of draws per step: expected"),
        (lambda: streams.indices(Stream(0).key, 0, 1, 1, 0), "num_samples: expected"),
        (lambda: streams.indices(Stream(0).key, 0, 1, 1, 2**32 + 1), "num_samples: expected"),
        (lambda: streams.permutations(Stream(0).key, 0, 1, 0), "num_samples: expected"),
        (
            lambda: philox4x32(np.zeros((3, 4), np.uint32), np.zeros((2, 2), np.uint32)),
            "cipher_keys: expected 1 or 3 rows",
        ),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(MethexisError, match=message):
        call()
