"""What every report uses: the page's writer, numbers, names, paragraphs, verdicts."""
