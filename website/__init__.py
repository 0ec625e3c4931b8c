"""The site: pages of docs, tutorials, and a reference made from docstrings, as HTML in build/site.

`make site` stages all pages as Markdown (``python -m website.stage``) and lets Sphinx make HTML of
them, with every warning an error. Decision 16 says why it is Sphinx.
"""
