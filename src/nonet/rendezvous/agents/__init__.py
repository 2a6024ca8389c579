"""Agents: minds of robots, the article's and those that it is compared with."""
