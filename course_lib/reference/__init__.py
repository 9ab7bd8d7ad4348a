"""The paper's formulas in NumPy, float64, one sequence: rows are tokens, weights multiply on the right."""
