"""Published survival curves: families fitted to what papers print, compared by fit and tail, one page a curve."""
