"""Coralogix's wire protocol: the five DataPrime endpoints, direct and background."""
