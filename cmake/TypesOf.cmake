# SPDX-License-Identifier: Apache-2.0
# Run as a script with HEADERS (comma-separated) and OUTPUT: writes a C file that includes the headers
# and has one global of each struct, union and enum that they define at the beginning of a line.
# Compiled with BTF, the object contains all their layouts without a list kept by hand.

set(includes "")
set(globals "")
string(REPLACE "," ";" HEADERS "${HEADERS}")
foreach(header IN LISTS HEADERS)
    string(APPEND includes "#include \"${header}\"\n")
    file(STRINGS ${header} definitions REGEX "^(struct|union|enum) [a-z_0-9]+ {")
    foreach(definition IN LISTS definitions)
        string(REGEX REPLACE "^([a-z]+) ([a-z_0-9]+) {.*" "\\1 \\2 type_\\2;\n" global "${definition}")
        string(APPEND globals "${global}")
    endforeach()
endforeach()
file(WRITE ${OUTPUT} "${includes}\n${globals}")
