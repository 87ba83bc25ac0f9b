// The option input_shapes: its text, and the tensors that get the shapes.
#include "delegate/tflite/input_shapes.h"

#include "gtest/gtest.h"

using namespace tfsparse;

namespace {

const std::set<int> kInputs = {0, 2};

// A model whose tensors 0 and 2 are inputs.
Graph graph_of_two() {
  Graph graph;
  for (const char* name : {"a", "made", "serving_default_b:0"}) {
    graph.tensors.emplace_back();
    graph.tensors.back().name = name;
    graph.tensors.back().shape = {1, 4};
  }
  return graph;
}

Status apply(const std::string& option, const std::set<int>& inputs, Graph* graph) {
  std::vector<InputShape> shapes;
  const Status status = parse_input_shapes(option, &shapes);
  return status.ok() ? set_input_shapes(shapes, inputs, graph) : status;
}

std::string error_of(const std::string& option, const std::set<int>& inputs = kInputs) {
  Graph graph = graph_of_two();
  return apply(option, inputs, &graph).message();
}

TEST(InputShapes, OneWithoutANameIsThatOfTheOnlyInput) {
  Graph graph = graph_of_two();
  EXPECT_TRUE(apply("7x20", {2}, &graph).ok());
  EXPECT_EQ(graph.tensors[2].shape, (Shape{7, 20}));
  EXPECT_EQ(graph.tensors[0].shape, (Shape{1, 4}));
  EXPECT_EQ(error_of("7x20"),
            "option input_shapes: expected shapes by name, as in a=1x8x8x3,b=1x20: the model reads "
            "2 inputs");
}

TEST(InputShapes, AreFoundByName) {
  Graph graph = graph_of_two();
  EXPECT_TRUE(apply("serving_default_b:0=2x20,a=3x8", kInputs, &graph).ok());
  EXPECT_EQ(graph.tensors[0].shape, (Shape{3, 8}));
  EXPECT_EQ(graph.tensors[2].shape, (Shape{2, 20}));
}

TEST(InputShapes, ThatFitAreSetBesideOneThatDoesNot) {
  Graph graph = graph_of_two();
  EXPECT_EQ(apply("b=1x8,a=3x8", kInputs, &graph).message(),
            "option input_shapes: the model has no tensor 'b'");
  EXPECT_EQ(graph.tensors[0].shape, (Shape{3, 8}));
}

TEST(InputShapes, OfWhatNoOperatorReadsChangeNothing) {
  Graph graph = graph_of_two();
  EXPECT_TRUE(apply("made=9x9", kInputs, &graph).ok());
  EXPECT_EQ(graph.tensors[1].shape, (Shape{1, 4}));
}

TEST(InputShapes, HaveAsManySizesAsTheInput) {
  EXPECT_EQ(error_of("a=1x8x8"), "option input_shapes: expected 2 sizes for input 'a', received 3");
}

TEST(InputShapes, NoneAreGivenByAnEmptyText) { EXPECT_EQ(error_of(""), ""); }

TEST(InputShapes, OtherTextsAreRefused) {
  for (const char* option :
       {"x", "1x", "1x0", "1x-2", "1x2.5", "1x 2y", "99999999999x1", "=1x2", "a=", "a=1x2,", "a"}) {
    EXPECT_EQ(error_of(option, {0}),
              "option input_shapes: expected shapes such as 1x8x8x3 or a=1x8x8x3,b=1x20, "
              "received '" +
                  std::string(option) + "'");
  }
}

}  // namespace
