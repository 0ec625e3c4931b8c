"""The dual ``J Jᵀ`` of the minima: as a sum of Kronecker products, inverted, and fluctuating."""
