"""Start and drive Chrome (DevTools protocol) and Firefox (WebDriver BiDi), and serve the pages that they measure."""
