"""Builds the APK: javac, D8, aapt, zipalign and apksigner, with what `gradle.properties` and `lock.yaml` state."""
