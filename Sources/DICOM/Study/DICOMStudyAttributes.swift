/// Which attributes are told of a study, by their keywords: those that a search of PS3.18 gives back (10.6.3.3, tables
/// 10.6.3-3 to 10.6.3-5), and beside them what orders, reports and models ask for (PS3.3 C.7, C.12).
enum DICOMStudyAttributes {
  /// Objects in which one of these differs aren't told of together.
  static let identity = ["StudyInstanceUID", "PatientID", "IssuerOfPatientID"]

  static let study = [
    "StudyInstanceUID", "StudyDate", "StudyTime", "TimezoneOffsetFromUTC", "AccessionNumber",
    "IssuerOfAccessionNumberSequence", "StudyID", "StudyDescription", "ProcedureCodeSequence",
    "ReferringPhysicianName", "ReferringPhysicianIdentificationSequence", "NameOfPhysiciansReadingStudy",
    "RequestingPhysician", "RequestingService", "AdmissionID", "ReasonForVisit", "InstitutionName",
    "PatientName", "PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence",
    "PatientBirthDate", "PatientBirthTime", "PatientSex", "PatientAge", "PatientSize", "PatientWeight",
    "PatientIdentityRemoved",
  ]

  static let series = [
    "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "SeriesDate", "SeriesTime",
    "BodyPartExamined", "AnatomicRegionSequence", "Laterality", "PatientPosition", "ProtocolName",
    "PerformingPhysicianName", "OperatorsName", "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime",
    "PerformedProcedureStepID", "PerformedProcedureStepDescription", "RequestAttributesSequence",
    "FrameOfReferenceUID", "Manufacturer", "ManufacturerModelName", "StationName", "InstitutionalDepartmentName",
    "SoftwareVersions",
  ]

  static let instance = [
    "SOPInstanceUID", "SOPClassUID", "InstanceNumber", "ImageType", "AcquisitionDate", "AcquisitionTime",
    "AcquisitionDateTime", "ContentDate", "ContentTime", "NumberOfFrames", "Rows", "Columns", "BitsAllocated",
    "PhotometricInterpretation", "ViewPosition", "ImageLaterality", "BurnedInAnnotation", "LossyImageCompression",
    "ConceptNameCodeSequence", "DocumentTitle", "CompletionFlag", "VerificationFlag",
  ]
}
