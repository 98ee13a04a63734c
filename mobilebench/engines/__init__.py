"""How blocks are measured: engines that run as native runners or web pages, and return one block result each."""
