"""The paper's formulas in NumPy, in float64 and for one sequence. Rows are tokens; weights multiply on the right."""
