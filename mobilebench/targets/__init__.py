"""WHERE to measure: this computer and Android phones over adb."""
