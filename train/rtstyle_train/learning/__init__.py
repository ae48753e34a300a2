"""From a painting to a style of its own in minutes: training and export in one."""

from rtstyle_train.learning.job import LearnJob, learn

__all__ = ["LearnJob", "learn"]
