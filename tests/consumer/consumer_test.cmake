# cmake -D BUILD=<build folder> -D SCRATCH=<folder> [-D FLAGS=…] -P consumer_test.cmake: installs what was built, and builds
# and runs a project that finds it there.
cmake_minimum_required(VERSION 3.25)

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
step(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${SCRATCH}/prefix")
# Moved after it was installed: nothing in it may name the place where it was, nor the source.
file(RENAME "${SCRATCH}/prefix" "${SCRATCH}/moved")
file(GLOB_RECURSE scripts "${SCRATCH}/moved/*.cmake")
foreach(script IN LISTS scripts)
  file(READ "${script}" text)
  cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH tests)
  cmake_path(GET tests PARENT_PATH source)
  string(FIND "${text}" "${source}/" place)
  if(NOT place EQUAL -1)
    message(FATAL_ERROR "${script} names ${source}")
  endif()
endforeach()
step(${CMAKE_COMMAND} -S "${CMAKE_CURRENT_LIST_DIR}" -B "${SCRATCH}/build" -G Ninja -D CMAKE_BUILD_TYPE=Debug
     "-D CMAKE_CXX_FLAGS=${FLAGS}" "-D CMAKE_PREFIX_PATH=${SCRATCH}/moved")
step(${CMAKE_COMMAND} --build "${SCRATCH}/build")
step("${SCRATCH}/build/consumer")
message(STATUS "${output}")

# As a folder of another project: configures without the libraries of the programs, and brings neither tests nor warnings.
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH tests)
cmake_path(GET tests PARENT_PATH source)
step(${CMAKE_COMMAND} -S "${CMAKE_CURRENT_LIST_DIR}" -B "${SCRATCH}/embedded" -G Ninja -D CMAKE_DISABLE_FIND_PACKAGE_Boost=ON
     -D CMAKE_DISABLE_FIND_PACKAGE_Catch2=ON -D "DUDAO_SOURCE=${source}" -D CMAKE_EXPORT_COMPILE_COMMANDS=ON)
file(READ "${SCRATCH}/embedded/compile_commands.json" commands)
if(commands MATCHES "-Werror|_test\\.cpp")
  message(FATAL_ERROR "an embedding project gets our warnings or tests")
endif()
file(REMOVE_RECURSE "${SCRATCH}")
