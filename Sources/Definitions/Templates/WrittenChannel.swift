import ConnectorKit
import Messages

/// The settings of one channel with all that they were put together from: its own file, a template, a row of a table,
/// what the environment says of it.
struct WrittenChannel {
  /// The channel file.
  let path: String
  let bytes: [UInt8]
  var node: SettingNode?
  /// The name, where it is known whether or not the rest can be read.
  var name: String?
  /// What is wrong with it so far.
  var problems: [Problem] = []
  /// The texts in which problems are shown, by file.
  var texts: [String: SourceText]
  var variables: [String: String]
  /// Files beside the channel file that are part of its revision.
  var reached: [Revision.File] = []
  /// Files as they stand on the disk, by path.
  var read: [String: [UInt8]]
  /// Where the channel is said to be, for people: its file, or file and line of its row.
  var origin: String
  /// The template that it is made from, and the place that says so.
  var template: (path: String, place: Place)?
  /// It is one of several of its file.
  var isRow = false
  /// Nothing can be made of it: its values are incomplete.
  var holes: Set<Place> = []
  /// By the place where a value was given: where the template uses it.
  var uses: [Place: [Place]] = [:]
  /// Settings whose Hilt a value could change, by place, with the parameter's name and
  /// where the value was given.
  var unsafe: [Place: (name: String, given: Place)] = [:]
  var processing: (wanted: String, environment: String)?
}
