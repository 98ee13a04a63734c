/* The note by which Android's linker and tools recognise an Android program or library and its API level. */

    .section .note.android.ident, "a", %note
    .balign 4
    .long 8
    .long 4
    .long 1
    .ascii "Android\0"
    .long 24

    .section .note.GNU-stack, "", %progbits
