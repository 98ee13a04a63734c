"""The Android app, and the tools that build and test it without Gradle."""
