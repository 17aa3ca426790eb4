"""What is measured: scenarios, faults, measures, verdicts, reports."""
