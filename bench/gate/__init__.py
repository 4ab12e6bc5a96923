"""The quality gate: whether a restorer got worse since a baseline was kept. docs/gate.md has the rules.

snapshot -> what a runs folder says now; baseline -> the same in a file; compare -> lines; verdict -> pass, regressed or
could not judge; diagnose -> what it looks like; outputs -> check.json, JUnit, Markdown.
"""
