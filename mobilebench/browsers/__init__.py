"""Chrome by the DevTools protocol, and the server of the pages."""
