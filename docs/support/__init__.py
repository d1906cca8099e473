"""What only the site needs: running its code, drawing its figures, setting its formulas."""
