"""What the tests of training share: small problems, and SGD written once more as plain loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.checks import Array
from methexis.core.random.streams import (
    StreamId,
    indices,
    keys,
    normals,
    permutations,
    student_stream,
    uniforms,
)
from tests.training.loops import SlowRule, Step

TEACHER = mx.Teacher.random(
    dim_x=3, dim_y=2, noise=0.5, condition_x=3.0, condition_noise=4.0, seed=1
)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values)) @ vectors.T


class SlowSGD:
    """One replica of one student, one sample at a time, from the specifications alone.

    Shares `core.random.streams` with the package and nothing else: no folding of views, labels
    or metric, no batching, no blocks. Call `step` once per step, in order.
    """

    def __init__(
        self,
        student: mx.EDLN,
        source: mx.Teacher | mx.Samples,
        optimiser: Any,
        weights: list[Array],
        *,
        steps: int,
        batch: int,
        sampling: str,
        paired: bool = True,
        loss: str = "squared",
        label_noise: float = 0.0,
        number: int = 0,
        replica: int = 0,
        seed: int = 0,
    ) -> None:
        self.student, self.source, self.optimiser = student, source, optimiser
        self.steps, self.batch, self.sampling = steps, batch, sampling
        self.number, self.replica, self.seed = number, replica, seed
        self.label_noise = label_noise
        self.sample_student = 0 if paired else number
        self.weights = [w.copy() for w in weights]
        self.rule = SlowRule(optimiser, weights)
        if isinstance(source, mx.Samples):
            self.slope = np.linalg.lstsq(source.x, source.y)[0].T
            residual = source.y - source.x @ self.slope.T
            noise = residual.T @ residual / len(residual)
        else:
            self.slope, noise = source.weight, source.cov_noise
        view = student.view
        self.labels = np.eye(len(noise)) if view.label_matrix is None else view.label_matrix
        self.metric = np.eye(len(self.labels))
        if loss == "whitened":
            self.metric = np.linalg.inv(self.labels @ noise @ self.labels.T)
        seen = source.dim_x + view.num_private
        self.view = np.eye(seen) if view.matrix is None else view.matrix
        embed_in, embed_out = (getattr(student, n, None) for n in ("embed_in", "embed_out"))
        self.embed_in = np.eye(len(self.view)) if embed_in is None else embed_in
        self.embed_out = np.eye(len(self.labels)) if embed_out is None else embed_out
        self.at = 0

    def _key(self, base: StreamId, student: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
        return keys(self.seed, [self.replica], student_stream(base, student))

    def samples(self) -> Iterator[tuple[float, Array, Array]]:
        """Weight, input (private features appended) and label of every sample of this step."""
        key = self._key(StreamId.LABEL_NOISE, self.sample_student)
        dim = self.source.dim_y
        for b, (share, x, y) in enumerate(self._clean_samples()):
            noise = normals(key, self.at, 1, (b + 1) * dim)[0, 0, b * dim :]
            yield share, x, y + self.label_noise * noise

    def _clean_samples(self) -> Iterator[tuple[float, Array, Array]]:
        """The same without label noise."""
        source, view = self.source, self.student.view
        if self.sampling == "full" and isinstance(source, mx.Samples):
            for x, y in zip(source.x, source.y, strict=True):
                yield 1.0 / len(source.x), x, y
        elif self.sampling == "full":
            # The gradient depends on the inputs through their second moment only, and not on the
            # noise: the columns of a root of the moment are samples enough.
            private = np.zeros((0, 0)) if view.private_cov is None else view.private_cov
            zero = np.zeros((source.dim_x, len(private)))
            for column in np.hstack([_root(source.cov_x), zero]).T:
                x = np.concatenate([column[: source.dim_x], np.zeros(len(private))])
                yield 1.0, x, self.slope @ column[: source.dim_x]
            for column in _root(private).T:
                zero = np.zeros(source.dim_y)
                yield 1.0, np.concatenate([np.zeros(source.dim_x), column]), zero
        elif self.sampling == "online":
            assert isinstance(source, mx.Teacher)
            root_x, root_noise = _root(source.cov_x), _root(source.cov_noise)
            width = source.dim_x + source.dim_y
            key = self._key(StreamId.SAMPLES, self.sample_student)
            drawn = self.numbers(key, source, self.batch * width)
            own = normals(
                self._key(StreamId.PRIVATE, self.number), self.at, 1, self.batch * view.num_private
            )[0, 0]
            for b in range(self.batch):
                z = drawn[b * width : (b + 1) * width]
                x = root_x @ z[: source.dim_x]
                y = self.slope @ x + root_noise @ z[source.dim_x :]
                if view.private_cov is not None:
                    u = own[b * view.num_private : (b + 1) * view.num_private]
                    x = np.concatenate([x, _root(view.private_cov) @ u])
                yield 1.0 / self.batch, x, y
        else:
            for index in self.indices():
                yield 1.0 / self.batch, source.x[index], source.y[index]

    def numbers(self, key: Any, source: mx.Teacher, count: int) -> Array:
        """The numbers of this step's samples, by the laws of the teacher."""
        laws = [source.law_x] * source.dim_x + [source.law_noise] * source.dim_y
        if set(laws) == {"gaussian"}:
            return normals(key, self.at, 1, count)[0, 0]
        u, v = uniforms(key, self.at, 1, 2 * count)[0, 0].reshape(count, 2).T
        sign = np.where(u > 0.5, 1.0, -1.0)
        numbers = {
            "gaussian": np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v),
            "uniform": np.sqrt(12) * (u - 0.5),
            "laplace": -sign * np.log(1 - 2 * np.abs(u - 0.5)) / np.sqrt(2),
            "student_t": np.sqrt(3 * (u**-0.4 - 1)) * np.cos(2 * np.pi * v),
        }
        return np.array([numbers[laws[j % len(laws)]][j] for j in range(count)])

    def indices(self) -> list[int]:
        """Rows of the data set that this step uses."""
        count = self.source.num_samples
        if self.sampling == "replace":
            key = self._key(StreamId.INDICES, self.sample_student)
            return indices(key, self.at, 1, self.batch, count)[0, 0].tolist()
        key = self._key(StreamId.PERMUTATIONS, self.sample_student)
        found = []
        for place in range(self.at * self.batch, (self.at + 1) * self.batch):
            order = permutations(key, place // count, 1, count)[0, 0]
            found.append(int(order[place % count]))
        return found

    def gradients(self) -> list[Array]:
        """Mean gradient of this step's samples at the present weights."""
        total = [np.zeros_like(w) for w in self.weights]
        for share, x, y in self.samples():
            hidden = [self.embed_in @ (self.view @ x)]
            for w in self.weights:
                hidden.append(w @ hidden[-1])
            residual = self.embed_out @ hidden[-1] - self.labels @ y
            signal = 2.0 * self.embed_out.T @ (self.metric @ residual)
            for i in reversed(range(len(self.weights))):
                total[i] += share * np.outer(signal, hidden[i])
                signal = self.weights[i].T @ signal
        return total

    def rate(self) -> float:
        """Learning rate of this step, from the schedule's formula."""
        schedule, part = self.optimiser.schedule, self.at / self.steps
        f = schedule.final
        factor = {
            "constant": 1.0,
            "cosine": f + (1 - f) * (1 + np.cos(np.pi * part)) / 2,
            "inverse_time": 1 / (1 + (1 / f - 1) * part),
        }[schedule.kind]
        return float(self.optimiser.lr * factor)

    def gradients_at(self, weights: Sequence[Array]) -> list[Array]:
        """Mean gradient of this step's samples at other weights."""
        mine, self.weights = self.weights, list(weights)
        found = self.gradients()
        self.weights = mine
        return found

    def step(self) -> Step:
        """Do one step; return what it was made of."""
        done = self.rule.step(self.weights, self.gradients_at, self.rate())
        self.weights = done.after
        self.at += 1
        return done


@pytest.fixture(scope="session")
def slow_sgd() -> type[SlowSGD]:
    return SlowSGD


@pytest.fixture(scope="session")
def teacher() -> mx.Teacher:
    return TEACHER


@pytest.fixture(scope="session")
def data() -> mx.Samples:
    return TEACHER.samples(7, seed=2)


@pytest.fixture(scope="session")
def students() -> list[mx.EDLN]:
    """Two networks of different depth, widths, embeddings and views."""
    return [
        mx.EDLN.random(TEACHER, hidden=(4, 3), condition=2.0, seed=3),
        mx.EDLN.random(TEACHER, hidden=(3, 5, 2), condition=2.0, seed=4),
    ]
