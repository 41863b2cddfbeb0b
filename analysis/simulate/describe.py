def describe(s): return ''
