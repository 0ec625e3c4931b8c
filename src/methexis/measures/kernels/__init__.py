"""Measures of two kernels: CKA, HSIC, RV, distance correlation and cosines of Gram matrices."""
