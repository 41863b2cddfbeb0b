"""Panel to estimates: designs, difference-in-differences, inference, sensitivity, power."""
