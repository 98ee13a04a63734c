from mobilebench.cli import main

main()
