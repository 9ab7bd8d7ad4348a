"""The computations behind interactive figures, where they would fill the figure's own file. They make no widgets."""
