# Android's C library as far as the runner needs it, without the NDK: our own declarations, stub libraries that carry
# nothing but symbol names, the program's entry, and the note that says for which version of Android it is built.
#
# The stubs are made from fixed lists: a function that API 24 lacks has no symbol in them and fails the link here,
# not on a phone.
enable_language(ASM)

add_compile_options(-nostdlibinc "SHELL:-isystem ${CMAKE_CURRENT_LIST_DIR}/include")
if(ANDROID_ABI STREQUAL "armeabi-v7a")
    # The ABI: floating-point arguments in integer registers. Every phone with Android 7 has NEON.
    add_compile_options(-march=armv7-a -mfpu=neon -mfloat-abi=softfp -mthumb)
endif()

# A shared library `lib<name>.so` of undefined behaviour, to be linked with and never loaded.
function(add_stub_library name)
    set(list ${CMAKE_CURRENT_LIST_DIR}/api24/lib${name}.txt)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
    file(STRINGS ${list} lines REGEX "^[A-Za-z_]")
    set(source ".text\n")
    foreach(line IN LISTS lines)
        string(REPLACE " " ";" words "${line}")
        list(POP_FRONT words symbol)
        set(type function)
        if("data" IN_LIST words)
            set(type object)
            list(REMOVE_ITEM words data)
        endif()
        if(words AND NOT ANDROID_ABI IN_LIST words)
            continue()
        endif()
        string(APPEND source ".globl ${symbol}\n.type ${symbol}, %${type}\n${symbol}:\n.size ${symbol}, 4\n.long 0\n")
    endforeach()
    set(file ${CMAKE_CURRENT_BINARY_DIR}/stubs/lib${name}.S)
    file(CONFIGURE OUTPUT ${file} CONTENT "${source}" @ONLY)
    add_library(${name} SHARED ${file})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/stubs)
    target_link_options(${name} PRIVATE -nostdlib -fuse-ld=lld -Wl,-soname,lib${name}.so)
endfunction()

foreach(name c dl m)
    add_stub_library(${name})
endforeach()

# What every program and library holds besides its own code.
add_library(bionic_common OBJECT ${CMAKE_CURRENT_LIST_DIR}/note.S)
if(ANDROID_ABI STREQUAL "armeabi-v7a")
    target_sources(bionic_common PRIVATE ${CMAKE_CURRENT_LIST_DIR}/arm_arithmetic.c)
endif()
add_library(bionic_start OBJECT ${CMAKE_CURRENT_LIST_DIR}/start.S ${CMAKE_CURRENT_LIST_DIR}/start.c)

if(ANDROID_ABI STREQUAL "armeabi-v7a")
    set(interpreter /system/bin/linker)
else()
    set(interpreter /system/bin/linker64)
endif()

add_library(android_library INTERFACE)
target_sources(android_library INTERFACE $<TARGET_OBJECTS:bionic_common>)
target_link_libraries(android_library INTERFACE c)
target_link_options(android_library INTERFACE
    -nostdlib -fuse-ld=lld -Wl,--no-undefined -Wl,--as-needed
    -Wl,--hash-style=both -Wl,--build-id -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

add_library(android_program INTERFACE)
target_sources(android_program INTERFACE $<TARGET_OBJECTS:bionic_start>)
target_link_libraries(android_program INTERFACE android_library)
target_link_options(android_program INTERFACE -Wl,--dynamic-linker=${interpreter})
