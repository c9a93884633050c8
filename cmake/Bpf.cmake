# SPDX-License-Identifier: Apache-2.0
# flowstamp_bpf_object(NAME SOURCE): C -> BPF object -> libbpf skeleton, in the calling folder's
# binary folder:
#   NAME.bpf.o, NAME.skel.h        with the newest clang installed (or -DFLOWSTAMP_BPF_CLANG=...)
#   variants/NAME.clang-N.bpf.o    with each clang installed, for the tests of the verifier's budget
# Sets NAME_BPF_OBJECT, NAME_BPF_SKELETON and NAME_BPF_VARIANTS in the caller.

set(FLOWSTAMP_BPF_CLANGS "")
foreach(version RANGE 30 14 -1)
    find_program(FLOWSTAMP_CLANG_${version} clang-${version})
    mark_as_advanced(FLOWSTAMP_CLANG_${version})
    if(FLOWSTAMP_CLANG_${version})
        list(APPEND FLOWSTAMP_BPF_CLANGS ${FLOWSTAMP_CLANG_${version}})
    endif()
endforeach()
if(NOT FLOWSTAMP_BPF_CLANGS)
    find_program(FLOWSTAMP_CLANG clang REQUIRED)
    list(APPEND FLOWSTAMP_BPF_CLANGS ${FLOWSTAMP_CLANG})
endif()
list(GET FLOWSTAMP_BPF_CLANGS 0 newest_clang)
set(FLOWSTAMP_BPF_CLANG ${newest_clang} CACHE FILEPATH "the clang that compiles the data path")
find_program(FLOWSTAMP_BPFTOOL bpftool PATHS /usr/sbin /sbin /usr/local/sbin REQUIRED)

# The object does not name the source folder, so that it is the same wherever it is built.
# <linux/types.h> needs the machine's own <asm/types.h>, which -target bpf does not look for.
set(FLOWSTAMP_BPF_FLAGS -target bpf -mcpu=v3 -std=gnu11 -g -O2 -Wall -Wextra -Werror
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -I${PROJECT_SOURCE_DIR} -I${PROJECT_SOURCE_DIR}/include -idirafter /usr/include/${CMAKE_C_LIBRARY_ARCHITECTURE})

# compiles SOURCE with CLANG to OUTPUT, without DWARF but with BTF, and follows its headers
function(flowstamp_bpf_compile clang source output)
    get_filename_component(folder ${output} DIRECTORY)
    get_filename_component(file ${output} NAME)
    set(full ${folder}/full/${file})
    file(MAKE_DIRECTORY ${folder}/full)
    add_custom_command(
        OUTPUT ${output}
        COMMAND ${clang} ${FLOWSTAMP_BPF_FLAGS} -MD -MT ${output} -MF ${full}.d
                -c ${source} -o ${full}
        COMMAND ${FLOWSTAMP_BPFTOOL} gen object ${output} ${full}
        DEPENDS ${source}
        DEPFILE ${full}.d
        COMMENT "BPF ${file}"
        VERBATIM)
endfunction()

function(flowstamp_bpf_object name source)
    set(source ${CMAKE_CURRENT_SOURCE_DIR}/${source})
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
    set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
    flowstamp_bpf_compile(${FLOWSTAMP_BPF_CLANG} ${source} ${object})
    add_custom_command(
        OUTPUT ${skeleton}
        COMMAND ${FLOWSTAMP_BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}.new
        COMMAND ${CMAKE_COMMAND} -E rename ${skeleton}.new ${skeleton}
        DEPENDS ${object}
        COMMENT "BPF ${name}.skel.h"
        VERBATIM)

    set(variants "")
    foreach(clang IN LISTS FLOWSTAMP_BPF_CLANGS)
        get_filename_component(clang_name ${clang} NAME)
        set(variant ${CMAKE_CURRENT_BINARY_DIR}/variants/${name}.${clang_name}.bpf.o)
        flowstamp_bpf_compile(${clang} ${source} ${variant})
        list(APPEND variants ${variant})
    endforeach()

    set(${name}_BPF_OBJECT ${object} PARENT_SCOPE)
    set(${name}_BPF_SKELETON ${skeleton} PARENT_SCOPE)
    set(${name}_BPF_VARIANTS ${variants} PARENT_SCOPE)
endfunction()

# flowstamp_types_source(OUTPUT HEADER...): OUTPUT becomes a C file with a global of each type that
# the headers define (see TypesOf.cmake).
function(flowstamp_types_source output)
    list(JOIN ARGN "," headers)
    add_custom_command(
        OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -DHEADERS=${headers} -DOUTPUT=${output}
                -P ${PROJECT_SOURCE_DIR}/cmake/TypesOf.cmake
        DEPENDS ${ARGN} ${PROJECT_SOURCE_DIR}/cmake/TypesOf.cmake
        VERBATIM)
endfunction()
