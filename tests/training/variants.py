"""The optimisers over which the contract suites run."""

from __future__ import annotations

import methexis as mx
from methexis.training.optimisers import SAM, Adam, AdamW, RMSProp, SignSGD, UpdateRule

#: Every registered rule and every kind, with and without what is optional. A new rule goes here.
VARIANTS: dict[str, UpdateRule] = {
    "sgd": mx.SGD(lr=0.1),
    "sgd, decays": mx.SGD(lr=0.1, weight_decay=0.3, l2=0.2),
    "heavy ball": mx.SGD(lr=0.1, momentum=0.8),
    "heavy ball, decays": mx.SGD(lr=0.1, momentum=0.8, weight_decay=0.3, l2=0.2),
    "nesterov": mx.SGD(lr=0.1, momentum=0.8, nesterov=True),
    "nesterov, decays": mx.SGD(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.3, l2=0.2),
    "adam": Adam(lr=0.1),
    "adam, decays": Adam(lr=0.1, beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0.3, l2=0.2),
    "adamw": AdamW(lr=0.1),
    "rmsprop": RMSProp(lr=0.1),
    "rmsprop, decays": RMSProp(lr=0.1, beta2=0.8, eps=1e-3, weight_decay=0.3, l2=0.2),
    "sign": SignSGD(lr=0.1),
    "sign, decays": SignSGD(lr=0.1, weight_decay=0.3, l2=0.2),
    "sam": SAM(lr=0.1),
    "sam, decays": SAM(lr=0.1, rho=0.7, weight_decay=0.3, l2=0.2),
}
