"""The numbers behind figures, where they take more than a figure's own file; without widgets."""
