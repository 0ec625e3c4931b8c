"""From what was said of spaces to the groups that leave a function alone.

Spaces that are multiplied with each other share the order of their coordinates and nothing else: a
gated layer may be scaled along one branch and not along the other. So each set of spaces that
share an order is one axis, with factors that obey linear equations, one per product: the sum of
the logarithms of two is that of the third. What solves them is what may be scaled, in integers for
absolute values and modulo 2 for signs. A space alone on its axis, of whose coordinates nobody asks
that they stay apart, may be changed by any matrix, or by rotations where its length is taken.

A *gain* is a vector that multiplies coordinates and is used once. If the space behind it is free,
it can be folded into the maps that read there; it is then one everywhere, multiplies nothing, and
rotations go through it. That is tried first, and given up where the axis does not rotate after all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from methexis.probes.interfaces.equations import (
    null_space,
    null_space_of_signs,
    spanned,
    without,
)
from methexis.probes.interfaces.labels import (
    ALIKE,
    PLANES,
    STILL,
    Blocks,
    Fixed,
    Label,
    Limit,
    Space,
)
from methexis.probes.interfaces.spaces import Product, Spaces


@dataclass
class Fold:
    """A gain that is made one.

    Attributes
    ----------
    gain : int
        Its space.
    into : int
        The space that takes it up.
    before : bool
        That space is the one in front of the gain, not the one behind it.
    """

    gain: Space
    into: Space
    before: bool


@dataclass
class Freedom:
    """One group that acts along one axis and leaves the function alone.

    Attributes
    ----------
    size : int
        Number of coordinates.
    group : str
        Its name, of `GROUPS`.
    order : tuple of int
        Spaces whose coordinates change places; empty where they do not.
    powers : dict of int
        To which power the factor of a coordinate multiplies it, by space.
    turned : dict of bool
        Spaces that a matrix acts on, and whether by its inverse transpose.
    folds : list of Fold
        What is folded first.
    """

    size: int
    group: str
    order: tuple[int, ...] = ()
    powers: dict[int, int] = field(default_factory=dict)
    turned: dict[int, bool] = field(default_factory=dict)
    folds: list[Fold] = field(default_factory=list)

    @property
    def spaces(self) -> set[int]:
        """All spaces that it acts on."""
        gains = {fold.gain.key for fold in self.folds}
        return {*self.order, *self.powers, *self.turned, *gains}


class Solved:
    """The freedoms of a model, and of every space the reasons for what it lacks.

    Attributes
    ----------
    freedoms : list of Freedom
    limits : dict
        By space what it must leave alone.
    reasons : dict
        By space and limit who asked for it first.
    """

    def __init__(self, spaces: Spaces, parameters: dict[str, list[Label]]) -> None:
        self._spaces = spaces
        self.limits: defaultdict[int, Limit] = defaultdict(lambda: Limit.NONE)
        self.reasons: dict[tuple[int, Limit], str] = {}
        self.sizes: dict[int, int] = {}
        self._uses: Counter[int] = Counter()
        self._vectors: set[int] = set()
        self.sharing: list[set[int]] = []
        self.products = self._simple(spaces.products)
        for label, limit, why in spaces.limits:
            for leaf in spaces.leaves(label):
                self._limit(leaf, limit, why)
        spaces.settle(self._limit)
        for labels in parameters.values():
            inside = [leaf for label in labels for leaf in spaces.leaves(label)]
            for leaf in inside:
                self.sizes[leaf.key] = leaf.size
                self._uses[leaf.key] += 1
            if len(labels) == 1 and len(inside) == 1:
                self._vectors.add(inside[0].key)
        self.freedoms = self._all()

    def _limit(self, leaf: Space, limit: Limit, why: str) -> None:
        self.limits[leaf.key] |= limit
        for one in limit:
            self.reasons.setdefault((leaf.key, one), why)

    def _simple(self, products: list[Product]) -> list[Product]:
        """Products of spaces alone: those of blocks are taken apart, until none is left."""
        spaces = self._spaces
        waiting, simple = list(products), []
        while waiting:
            product = waiting.pop()
            labels = [spaces.look(one) for one in (product.one, product.other, product.made)]
            if all(isinstance(one, Space) for one in labels):
                simple.append(Product(labels[0], labels[1], labels[2], product.why))
                continue
            waiting += [one for one in simple if self._is_cut(one)]
            simple = [one for one in simple if not self._is_cut(one)]
            if any(isinstance(one, Fixed) for one in labels):
                for one in labels:
                    spaces.limit(one, STILL, product.why)
                continue
            waiting += self._taken_apart(labels, product.why)
            waiting += [one for one in simple if self._is_cut(one)]
            simple = [one for one in simple if not self._is_cut(one)]
        return simple

    def _is_cut(self, product: Product) -> bool:
        labels = (product.one, product.other, product.made)
        return any(not isinstance(self._spaces.look(one), Space) for one in labels)

    def _taken_apart(self, labels: list[Label], why: str) -> Iterable[Product]:
        spaces = self._spaces
        blocks = [one for one in labels if isinstance(one, Blocks)]
        most = max(len(one.parts) for one in blocks)
        if all(one.even and most % len(one.parts) == 0 for one in blocks):
            cut = [spaces.parts(one, most) for one in labels]
            threes = [
                tuple(outer for outer, _ in cut),
                *zip(*(parts for _, parts in cut), strict=True),
            ]
        else:
            ends = sorted({end for one in blocks for end in accumulate(p.size for p in one.parts)})
            sizes = [b - a for a, b in pairwise([0, *ends])]
            threes = list(zip(*(spaces.pieces(one, sizes, why) for one in labels), strict=True))
        return [
            Product(three[0], three[1], three[2], why)
            for three in dict.fromkeys(threes)
            if not all(isinstance(one, Fixed) for one in three)
        ]

    def _all(self) -> list[Freedom]:
        """All freedoms, with as many gains folded as let something rotate."""
        folds = [one for one in self.products if self._gain(one) is not None]
        while True:
            axes, accepted = self._axes(folds)
            kept = [one for one in folds if id(one) in accepted]
            if len(kept) == len(folds):
                break
            folds = kept
        self.sharing = [set(axis) for axis in axes]
        return [freedom for axis in axes for freedom in self._of_axis(axis, folds)]

    def _gain(self, product: Product) -> tuple[Space, Space] | None:
        """The gain of a product, and what it multiplies."""
        for gain, one in ((product.other, product.one), (product.one, product.other)):
            assert isinstance(gain, Space)
            assert isinstance(one, Space)
            of_it = [p for p in self.products if gain.key in _keys(p)]
            if (
                gain.key in self._vectors
                and self._uses[gain.key] == 1
                and len(of_it) == 1
                and not self.limits[gain.key]
            ):
                return gain, one
        return None

    def _axes(self, folds: list[Product]) -> tuple[list[list[int]], set[int]]:
        """Spaces by axis, and which folds come through: all spaces that they join may mix."""
        order = _Sets(self.sizes)
        mixing = _Sets(self.sizes)
        apart = {key for key in self.sizes if Limit.SEPARATE in self.limits[key]}
        for product in self.products:
            keys = _keys(product)
            for key in keys:
                self.sizes.setdefault(key, product.one.size)
            for key in keys[1:]:
                order.join(keys[0], key)
            gained = self._gain(product) if product in folds else None
            if gained is None:
                apart |= set(keys)
            else:
                mixing.join(gained[1].key, _space(product.made).key)
        bad = {mixing.of(key) for key in apart}
        accepted = set()
        for product in folds:
            gained = self._gain(product)
            assert gained is not None
            made, one = _space(product.made), gained[1]
            free = self._takes_up(made) or self._takes_up(one)
            if made.key != one.key and mixing.of(made.key) not in bad and free:
                accepted.add(id(product))
        return order.groups(), accepted

    def _takes_up(self, space: Space) -> bool:
        """A space whose maps can take up a gain: nothing else looks at its factors."""
        count = sum(space.key in _keys(one) for one in self.products)
        return not self.limits[space.key] and count == 1

    def _of_axis(self, keys: list[int], folds: list[Product]) -> list[Freedom]:
        inside = set(keys)
        products = [one for one in self.products if _keys(one)[0] in inside]
        folded = [one for one in products if any(one is fold for fold in folds)]
        size = self.sizes[keys[0]]
        limits = Limit.NONE
        for key in keys:
            limits |= self.limits[key]
        rotates = len(folded) == len(products) and Limit.SEPARATE not in limits
        if rotates:
            return self._matrices(size, keys, folded, limits)
        return self._monomial(size, keys, products, limits)

    def _matrices(
        self, size: int, keys: list[int], folded: list[Product], limits: Limit
    ) -> list[Freedom]:
        """Freedoms of an axis that mixes: one matrix for all of it, gains folded."""
        turned: dict[int, bool] = {}
        gains = [self._gain(product) for product in folded]
        joins: dict[int, list[tuple[int, bool]]] = defaultdict(list)
        folds = []
        for product, gain in zip(folded, gains, strict=True):
            assert gain is not None
            made, one = _space(product.made), gain[1]
            joins[made.key].append((one.key, made.dual != one.dual))
            joins[one.key].append((made.key, made.dual != one.dual))
            before = not self._takes_up(made)
            folds.append(Fold(gain[0], one if before else made, before))
        apart = {gain[0].key for gain in gains if gain is not None}
        start = next(key for key in keys if key not in apart)
        turned[start] = False
        waiting = [start]
        clash = False
        while waiting:
            key = waiting.pop()
            for other, flip in joins[key]:
                if other not in turned:
                    turned[other] = turned[key] != flip
                    waiting.append(other)
                clash |= turned[other] != (turned[key] != flip)
        if Limit.ORDER in limits:
            return []
        length = Limit.LENGTH in limits or clash
        if Limit.ONES in limits and not length:
            return self._monomial(size, keys, [], limits | ALIKE)
        group = "linear" if not length else "rotation"
        if Limit.ONES in limits:
            group = "rotation about ones"
        if limits & PLANES:
            if limits & PLANES == PLANES or Limit.ONES in limits:
                return self._monomial(size, keys, [], limits | STILL)
            kind = "halves" if Limit.HALVES in limits else "neighbours"
            group = f"{'rotation' if length else 'scaled rotation'} of planes of {kind}"
        scales = [self._gain_scale(size, product) for product in folded]
        return [Freedom(size, group, turned=turned, folds=folds), *scales]

    def _gain_scale(self, size: int, product: Product) -> Freedom:
        """The factors between a gain and what takes it up."""
        gained = self._gain(product)
        assert gained is not None
        gain, one = gained
        made = _space(product.made)
        powers = {gain.key: -1 if gain.dual else 1}
        if self._takes_up(made):
            powers[made.key] = -1 if made.dual else 1
        else:
            powers[one.key] = 1 if one.dual else -1
        return Freedom(size, "scale", powers=powers)

    def _monomial(
        self, size: int, keys: list[int], products: list[Product], limits: Limit
    ) -> list[Freedom]:
        """Freedoms of an axis whose coordinates stay apart: their order, factors and signs."""
        order = () if limits & (Limit.ORDER | PLANES) else tuple(keys)
        # Gains first, what has no sign last: so that factors between two maps stand by themselves.
        keys = sorted(
            keys, key=lambda key: (Limit.SIGN in self.limits[key], key not in self._vectors)
        )
        rows, odd = [], []
        for product in products:
            row: dict[int, int] = defaultdict(int)
            signs: dict[int, int] = defaultdict(int)
            for label, sign in ((product.one, 1), (product.other, 1), (product.made, -1)):
                space = _space(label)
                row[space.key] += -sign if space.dual else sign
                signs[space.key] += 1
            rows.append([row[key] for key in keys])
            odd.append([signs[key] % 2 for key in keys])
        planes = any(self.limits[key] & PLANES for key in keys)
        for place, key in enumerate(keys):
            unit = [int(index == place) for index in range(len(keys))]
            bound = self.limits[key]
            if planes or bound & (Limit.SCALE | Limit.LENGTH | Limit.ONES):
                rows.append(unit)
            if planes or bound & (Limit.SIGN | Limit.ONES):
                odd.append(unit)
        scales = null_space(rows, len(keys))
        signs_ = null_space_of_signs(odd, len(keys))
        powers: list[tuple[str, dict[int, int]]] = []
        for vector in scales:
            modulo = [value % 2 for value in vector]
            either = any(modulo) and spanned(signs_, modulo)
            signs_ = without(signs_, modulo) if either else signs_
            named = {key: value for key, value in zip(keys, vector, strict=True) if value}
            powers.append(("scale" if either else "positive scale", named))
        for vector in signs_:
            named = {key: value for key, value in zip(keys, vector, strict=True) if value}
            powers.append(("sign", named))
        if len(powers) <= 1:
            kind, named = powers[0] if powers else ("", {})
            words = [*(["permutation"] if order else []), *([kind] if kind else [])]
            return [Freedom(size, " and ".join(words), order, named)] if words else []
        alone = [Freedom(size, "permutation", order)] if order else []
        return [*alone, *(Freedom(size, kind, (), named) for kind, named in powers)]


def _space(label: Label) -> Space:
    assert isinstance(label, Space)
    return label


def _keys(product: Product) -> list[int]:
    return [_space(one).key for one in (product.one, product.other, product.made)]


class _Sets:
    """Disjoint sets of keys."""

    def __init__(self, keys: Iterable[int]) -> None:
        self._parent = {key: key for key in keys}

    def of(self, key: int) -> int:
        """Who stands for a key's set."""
        self._parent.setdefault(key, key)
        while self._parent[key] != key:
            key = self._parent[key]
        return key

    def join(self, one: int, other: int) -> None:
        """Make two sets one."""
        one, other = sorted((self.of(one), self.of(other)))
        self._parent[other] = one

    def groups(self) -> list[list[int]]:
        """All sets, in the order of their least keys."""
        made: defaultdict[int, list[int]] = defaultdict(list)
        for key in sorted(self._parent):
            made[self.of(key)].append(key)
        return list(made.values())
