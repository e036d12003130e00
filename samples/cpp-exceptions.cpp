// C++ exceptions, destructors on the way up, and iostream. libstdc++ is linked in: only msvcrt.dll and kernel32.dll are imported.
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

class Guard {
public:
    explicit Guard(int depth) : depth(depth) { std::cout << std::string(depth * 2, ' ') << "enter " << depth << '\n'; }
    ~Guard() { std::cout << std::string(depth * 2, ' ') << "leave " << depth << '\n'; }

private:
    int depth;
};

struct Failure : std::runtime_error {
    Failure(const std::string &what, int code) : std::runtime_error(what), code(code) {}
    int code;
};

void descend(int depth)
{
    Guard guard(depth);
    if (depth == 3)
        throw Failure("too deep", 42);
    descend(depth + 1);
}

void wrap()
{
    try {
        descend(2);
    } catch (const Failure &) {
        std::throw_with_nested(std::logic_error("wrapped"));
    }
}

} // namespace

int main()
{
    try {
        descend(0);
    } catch (const Failure &failure) {
        std::cout << "caught: " << failure.what() << ", code " << failure.code << '\n';
    }

    try {
        wrap();
    } catch (const std::exception &outer) {
        std::cout << "caught: " << outer.what();
        try {
            std::rethrow_if_nested(outer);
        } catch (const Failure &inner) {
            std::cout << ", around: " << inner.what() << '\n';
        }
    }

    try {
        std::vector<int> three(3);
        std::cout << three.at(7) << '\n';
    } catch (const std::out_of_range &) {
        std::cout << "caught: out of range\n";
    }

    std::map<std::string, int> count;
    std::istringstream words("the quick brown fox jumps over the lazy dog and the cat");
    for (std::string word; words >> word;)
        ++count[word];
    std::cout << "the: " << count["the"] << ", different words: " << count.size() << '\n';
    std::cout << std::fixed << std::setprecision(3) << 2.0 / 3.0 << ' ' << std::hex << std::showbase << 48879 << std::endl;
    return 0;
}
