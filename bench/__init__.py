"""`make bench`: measurements side by side in one run. A ratio of two numbers of one run means something; a single
number mostly describes the machine."""
