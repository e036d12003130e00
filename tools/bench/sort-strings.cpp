// sort-strings COUNT: makes strings from a fixed seed, sorts them, and prints a hash of their order.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    uint64_t random = 0x9e3779b97f4a7c15;
    auto next = [&random] {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        return random;
    };
    std::vector<std::string> strings(std::strtoull(argv[1], nullptr, 10));
    for (auto &string : strings)
        for (uint64_t length = 4 + next() % 24; length > 0; length--)
            string += static_cast<char>('a' + next() % 26);
    std::sort(strings.begin(), strings.end());
    uint64_t hash = 0xcbf29ce484222325;
    for (const auto &string : strings)
        for (unsigned char character : string)
            hash = (hash ^ character) * 0x100000001b3;
    std::printf("%016llx %s %s\n", static_cast<unsigned long long>(hash), strings.front().c_str(), strings.back().c_str());
    return 0;
}
