"""Ways of centring a kernel matrix, each of which makes an estimator of HSIC.

With ``H = I - 1 1ᵀ/n`` and matrices K, L of two kernels, an estimator is ``Σ_ij A_ij B_ij`` over a
divisor, where A comes from K as B from L:

- *biased* (Gretton et al. 2005): ``A = H K H``, divisor ``(n-1)²``. Its expectation is positive
  even for independent samples, and for ``d ≫ n`` its normalised form goes to 1.
- *song* (Song et al. 2012, HSIC₁): unbiased. In the form of Székely and Rizzo (2014),
  ``A_ij = K_ij - r_i/(n-2) - r_j/(n-2) + s/((n-1)(n-2))`` for i ≠ j and 0 for i = j, where r are
  the row sums and s the sum without the diagonal; divisor ``n(n-3)``. As an inner product it is a
  cosine when normalised, so it lies in [-1, 1].
- *lange* (Lange et al. 2023): ``A = H K H`` with zeros on the diagonal, divisor ``n(n-3)``. Almost
  unbiased: the diagonal still enters through the means.
- *plain*: ``A = K``, not centred.
"""

from __future__ import annotations

from methexis.measures.inputs.features import Namespace, Tensor
from methexis.measures.kernels.kernels import hollow

ESTIMATORS = ("biased", "song", "lange", "plain")


def centred(xp: Namespace, kernel: Tensor, estimator: str) -> Tensor:
    """The matrix A of an estimator."""
    if estimator == "plain":
        return kernel
    if estimator == "song":
        return u_centred(xp, kernel)
    twice = double_centred(xp, kernel)
    return hollow(xp, twice) if estimator == "lange" else twice


def double_centred(xp: Namespace, kernel: Tensor) -> Tensor:
    """``H K H`` of a symmetric K."""
    means = xp.mean(kernel, axis=0)
    return kernel - means[:, None] - means[None, :] + xp.mean(means)


def u_centred(xp: Namespace, kernel: Tensor) -> Tensor:
    """Centred off the diagonal, such that sums of products are unbiased; rows sum to zero."""
    n = kernel.shape[0]
    kernel = hollow(xp, kernel)
    sums = xp.sum(kernel, axis=0)
    shares = sums / (n - 2)
    grand = xp.sum(sums) / ((n - 1) * (n - 2))
    return hollow(xp, kernel - shares[:, None] - shares[None, :] + grand)


def divisor(num_samples: int, estimator: str) -> float:
    """What makes ``Σ A_ij B_ij`` an estimate of HSIC."""
    n = num_samples
    return float((n - 1) ** 2 if estimator == "biased" else n * (n - 3))
